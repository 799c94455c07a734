// What the pages use of Observable Plot.
export { areaY, axisX, axisY, barX, barY, dot, gridY, lineY, plot, pointerX, rectY, ruleX, ruleY, text, tip } from "@observablehq/plot";
