/** Model files for the edge, from JavaScript. */
export { ModelFileError, metadataEntry } from "./modelfile.js";
export { type Contract, type InputContract, ContractError, parseContract, prepare, readContract } from "./contract.js";
