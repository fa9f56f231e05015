/** Where Miniflare reads the flags of the runtime's JavaScript engine. */
export const V8_FLAGS_NAME = "MINIFLARE_WORKERD_V8_FLAGS";

/**
 * All objects share one heap here, and what they make of a position is mostly garbage a moment later. With the room that V8
 * leaves to the young by itself much of it grows old first, and to collect that took an eighth of the CPU time of a full server.
 *
 * The old are collected in one go (workerd runs V8 with `--noincremental-marking`, since its heaps are small), and everybody
 * waits for that: with 4,500 people awake for 0.2 s on an idle core. By default it happens when the heap has grown by half; that
 * was each 18 s at 1,500 deliveries/s, and with this each 70 s, for a fifth more memory. Both were seen with `--trace-gc`.
 */
export const V8_FLAGS = ["--min-semi-space-size=16", "--max-semi-space-size=32", "--heap-growing-percent=400"] as const;
