export { load } from "./model.js";
export * from "./errors.js";
export { serve } from "./worker.js";
