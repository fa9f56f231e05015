/**
 * The black-box tests of who sees whom, where and for how long: what any server of this protocol must do whatever it is built of.
 * What only this one has (history, links, phones, strangers, operations) is not among them.
 */
export const RULES_1_TO_5 = [
  // 1: accepted friends only, while they share, as precisely as they allow, within the radius.
  "test/blackbox/visibility.test.ts",
  "test/blackbox/trust.test.ts",
  "test/blackbox/subscribe.test.ts",
  // 2: both sides learn of it.
  "test/blackbox/circles.test.ts",
  // 3: activity by the server's clock.
  "test/blackbox/inactivity.test.ts",
  // 4: the older one never overwrites.
  "test/blackbox/time.test.ts",
  // 5: several devices, and the snapshot of each.
  "test/blackbox/snapshot.test.ts",
  "test/blackbox/connections.test.ts",
] as const;
