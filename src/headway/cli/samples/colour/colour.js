// Colours as numbers: what a hue, a saturation and a lightness look like, and how much two colours differ in light.

/** @typedef {[number, number, number]} Rgb Red, green and blue, each from 0 to 255. */

/**
 * A colour of CSS's hsl(), in red, green and blue (CSS Color 4, section 7.1).
 * @param {number} hue from 0 to 360
 * @param {number} saturation from 0 to 100
 * @param {number} lightness from 0 to 100
 * @returns {Rgb}
 */
export function rgbOf(hue, saturation, lightness) {
  const light = lightness / 100;
  const reach = (saturation / 100) * Math.min(light, 1 - light);
  const channel = (/** @type {number} */ start) => {
    const at = (start + hue / 30) % 12;
    return Math.round(255 * (light - reach * Math.max(-1, Math.min(at - 3, 9 - at, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

/** @param {Rgb} rgb */
export function hexOf(rgb) {
  return `#${rgb.map((one) => one.toString(16).padStart(2, "0")).join("")}`;
}

/**
 * How much light a colour gives, from 0 (black) to 1 (white). Eyes see green best, and blue least (WCAG 2.2).
 * @param {Rgb} rgb
 */
export function luminance(rgb) {
  const [red, green, blue] = rgb.map((one) => {
    const share = one / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/**
 * The contrast of two colours, from 1 (the same light) to 21 (black on white).
 * @param {Rgb} one
 * @param {Rgb} other
 */
export function contrast(one, other) {
  const [darker, lighter] = [luminance(one), luminance(other)].sort((first, second) => first - second);
  return (lighter + 0.05) / (darker + 0.05);
}

/**
 * A contrast as people write it, such as "4.5:1". It is rounded down: 4.49 is not enough where 4.5 is asked for.
 * @param {number} value
 */
export function ratio(value) {
  return `${(Math.floor(value * 10) / 10).toFixed(1)}:1`;
}

/** The grey that gives as much light as a colour. @param {Rgb} rgb @returns {Rgb} */
export function greyOf(rgb) {
  const light = luminance(rgb);
  const share = light <= 0.0031308 ? light * 12.92 : 1.055 * light ** (1 / 2.4) - 0.055;
  const grey = Math.round(share * 255);
  return [grey, grey, grey];
}

/**
 * The colour of a hue that is nearest to a lightness and has enough contrast to another colour.
 * @param {number} hue
 * @param {number} saturation
 * @param {{ from: number, step: 1 | -1, against: Rgb, least: number }} wanted where to begin, and whether to go lighter
 * @returns {Rgb}
 */
export function readable(hue, saturation, { from, step, against, least }) {
  let lightness = from;
  while (contrast(rgbOf(hue, saturation, lightness), against) < least && lightness > 0 && lightness < 100)
    lightness += step;
  return rgbOf(hue, saturation, lightness);
}
