/** Names that mean a machine of one's own network or the server itself (RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`). */
const PRIVATE_NAME =
  /(?:^|\.)(?:localhost|local|internal|intranet|private|corp|home|lan|arpa|test|example|invalid|onion)$/;

/** An address in place of a name; the URL parser has brought every other notation of IPv4 into this one. */
const ADDRESS = /^(?:\[.*\]|[\d.]+)$/;

const SIGNATURES = [
  [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
  [0xff, 0xd8, 0xff],
] as const;

/**
 * Whether a server may fetch this picture: people choose the addresses of their pictures, and a server in somebody's own
 * network must not be made to look around there.
 */
export function isPublicPicture(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname, port, username, password } = new URL(address);
  const host = hostname.toLowerCase().replace(/\.$/, "");
  return (
    protocol === "https:" &&
    port === "" &&
    username === "" &&
    password === "" &&
    // A name without a dot is one of the local network.
    host.includes(".") &&
    !ADDRESS.test(host) &&
    !PRIVATE_NAME.test(host)
  );
}

/** PNG or JPEG, by the first bytes of the file: what both apps can draw, whatever the sender calls it. */
export function isPicture(bytes: Uint8Array): boolean {
  return SIGNATURES.some((signature) => signature.every((byte, at) => bytes[at] === byte));
}
