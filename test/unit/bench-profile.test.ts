/** What becomes of a profiler's stacks. */
import { describe, expect, test } from "vitest";

import { type Part, partOf, PARTS, profileOf, readSamples } from "../../scripts/bench/profile/samples.ts";

const RECORDED = `workerd 
\t    5579d1f5a04f workerd::api::JsRpcProperty::call
\t         2fbf0ba JS:*'meet worker.js:57247:36
\t         2efe0b7 workerd::IoContext::runImpl(int (*)(char), bool)

workerd 
\t    5579d1f5a04f JS:+ worker.js:27715:82
\t    5579d1f5a050 JS:^#do worker.js:57185:6

V8 DefaultWorke 
\t         3ab4eb6 v8::internal::Scavenger::ScavengePage
`;

describe("stacks", () => {
  test("are read with their thread, the function that ran first", () => {
    expect([...readSamples(RECORDED.split("\n"))]).toEqual([
      {
        thread: "workerd",
        stack: [
          "workerd::api::JsRpcProperty::call",
          "JS:*'meet worker.js:57247:36",
          "workerd::IoContext::runImpl(int (*)(char), bool)",
        ],
      },
      { thread: "workerd", stack: ["JS:+ worker.js:27715:82", "JS:^#do worker.js:57185:6"] },
      { thread: "V8 DefaultWorke", stack: ["v8::internal::Scavenger::ScavengePage"] },
    ]);
  });

  test("an offset and a file are no part of a name", () => {
    const [sample] = readSamples([
      "workerd ",
      "  7f1a meet worker.js:1:2+0x1f (/tmp/jitted-1-2.so)",
      "  1f kj::run (/bin/w)",
    ]);
    expect(sample?.stack).toEqual(["meet worker.js:1:2", "kj::run"]);
  });

  test.each<[Part, string[]]>([
    ["functions", ["JS:*meet worker.js:1:2", "workerd::api::WebSocket::send"]],
    ["calls", ["capnp::x", "workerd::api::JsRpcProperty::call", "JS:*meet worker.js:1:2"]],
    ["frames", ["kj::x", "workerd::api::WebSocket::send", "JS:*send worker.js:1:2"]],
    ["builtins", ["Builtins_MapPrototypeGet", "JS:*meet worker.js:1:2"]],
    ["garbage", ["v8::internal::Heap::CollectGarbage", "JS:*meet worker.js:1:2"]],
    ["answers", ["capnp::LocalClient::call", "kj::run"]],
    ["sockets", ["vfs_writev", "kj::AsyncStreamFd::write"]],
    ["loop", ["kj::_::Event::armDepthFirst"]],
  ])("%s", (part, stack) => {
    expect(partOf({ thread: "workerd", stack })).toBe(part);
  });
});

describe("a profile", () => {
  const profile = profileOf(readSamples(RECORDED.split("\n")), 2);

  test("gives each sample to one part", () => {
    expect(profile.samples).toBe(3);
    expect(Object.keys(profile.parts)).toEqual(Object.keys(PARTS));
    expect(Object.values(profile.parts).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1);
    expect(profile.parts).toMatchObject({ calls: 1 / 3, functions: 1 / 3, garbage: 1 / 3 });
  });

  test("names the functions that the time went for", () => {
    expect(profile.functions).toEqual([
      { name: "meet", share: 1 / 3 },
      { name: "(without a name)", share: 1 / 3 },
    ]);
  });

  test("of nothing is nothing", () => {
    expect(profileOf([], 2)).toMatchObject({ samples: 0, functions: [] });
  });
});
