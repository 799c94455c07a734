// The part of subset-font that tools/vendor.mjs uses; the package brings no types.

declare module "subset-font" {
  /** A range of an axis of a variable font, or the one value that is kept. */
  export type Axes = Record<string, number | { min: number; max: number }>;
  export default function subsetFont(
    font: Buffer,
    text: string,
    options: { targetFormat: string; variationAxes: Axes; keepFeatures?: string[] },
  ): Promise<Buffer>;
}
