export { createClient } from "./client.js";
export { HeadwayError } from "./errors.js";
export { bindH5P, type H5PLessons } from "./h5p.js";
export type { Range } from "./ranges.js";
export type * from "./types.js";
export { bindVideo, type Media, type Watched } from "./video.js";
