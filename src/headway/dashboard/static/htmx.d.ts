// What htmx.js is, for the type checker.
export { default } from "htmx.org/dist/htmx.esm.js";
