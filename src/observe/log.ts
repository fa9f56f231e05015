/** One structured line. `error`: somebody should look. Never a position, never a token. */
export function logError(event: string, fields: Readonly<Record<string, string | number>>): void {
  console.error(JSON.stringify({ level: "error", event, ...fields }));
}
