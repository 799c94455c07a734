// Makes a picture smaller: PNG with a palette of 256 colours instead of 16 million. Pages have few colours, and a screen
// picture has them as they are. tools/screenshots.py runs this in a page of its browser.

const MOST = 256;

/** The picture with a palette, as a data URL. Its rarest colours become the nearest of the others. */
async function withPalette(/** @type {string} */ address) {
  const bitmap = await createImageBitmap(await (await fetch(address)).blob());
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d");
  if (!context) throw new Error("There is no canvas.");
  context.drawImage(bitmap, 0, 0);
  const pixels = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
  const palette = paletteOf(pixels);
  const rows = new Uint8Array((width + 1) * height); // each row begins with its filter, which is none
  /** @type {Map<number, number>} */
  const found = new Map(palette.map((colour, index) => [colour, index]));
  for (let y = 0, from = 0; y < height; y += 1)
    for (let x = 0, to = y * (width + 1) + 1; x < width; x += 1, from += 1, to += 1) {
      const colour = pixels[from];
      const index = found.get(colour) ?? nearest(palette, colour);
      found.set(colour, index);
      rows[to] = index;
    }
  const head = new DataView(new ArrayBuffer(13));
  head.setUint32(0, width);
  head.setUint32(4, height);
  head.setUint16(8, 0x0803); // eight bits a pixel, with a palette
  const parts = [
    new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", new Uint8Array(head.buffer)),
    chunk("PLTE", new Uint8Array(palette.flatMap(channels))),
    chunk("IDAT", await deflated(rows)),
    chunk("IEND", new Uint8Array()),
  ];
  return dataUrl(new Blob(parts, { type: "image/png" }));
}

/** @param {Uint32Array} pixels */
function paletteOf(pixels) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const colour of pixels) counts.set(colour, (counts.get(colour) ?? 0) + 1);
  return [...counts]
    .sort(([, one], [, other]) => other - one)
    .slice(0, MOST)
    .map(([colour]) => colour);
}

/** Red, green and blue. The fourth byte of a pixel is its opacity, which is full. */
function channels(/** @type {number} */ colour) {
  return [colour & 0xff, (colour >> 8) & 0xff, (colour >> 16) & 0xff];
}

/**
 * @param {number[]} palette
 * @param {number} colour
 */
function nearest(palette, colour) {
  const wanted = channels(colour);
  const distances = palette.map((one) => channels(one).reduce((sum, value, at) => sum + (value - wanted[at]) ** 2, 0));
  return distances.indexOf(Math.min(...distances));
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function deflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * @param {string} name
 * @param {Uint8Array} data
 */
function chunk(name, data) {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(name), 4);
  bytes.set(data, 8);
  view.setUint32(data.length + 8, checksum(bytes.subarray(4, data.length + 8)));
  return bytes;
}

/** CRC-32, as PNG has it. */
function checksum(/** @type {Uint8Array} */ bytes) {
  let sum = ~0;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}

/** @returns {Promise<string>} */
function dataUrl(/** @type {Blob} */ blob) {
  return new Promise((done) => {
    const reader = new FileReader();
    reader.onload = () => done(String(reader.result));
    reader.readAsDataURL(blob);
  });
}

Object.assign(globalThis, { withPalette });
