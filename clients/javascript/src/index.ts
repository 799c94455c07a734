export { createClient } from "./client.js";
export { HeadwayError } from "./errors.js";
export type * from "./types.js";
