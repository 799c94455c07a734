// What plot.js is, for the type checker.
export * from "@observablehq/plot";
