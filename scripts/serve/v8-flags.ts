/** Where Miniflare reads the flags of the runtime's JavaScript engine. */
export const V8_FLAGS_NAME = "MINIFLARE_WORKERD_V8_FLAGS";

/**
 * All objects share one heap here, and what they make of a position is mostly garbage a moment later. With the 16 MiB that
 * V8 leaves to the young much of it grows old first, and to collect that took an eighth of the CPU time of a full server.
 */
export const V8_FLAGS = ["--min-semi-space-size=16", "--max-semi-space-size=32"] as const;
