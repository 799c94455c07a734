// What the pages use of Observable Plot.
export {
  axisX,
  axisY,
  barX,
  gridY,
  plot,
  pointerX,
  rectY,
  ruleX,
  ruleY,
  text,
  tip,
} from "@observablehq/plot";
