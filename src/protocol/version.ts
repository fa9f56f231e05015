/**
 * Version of the WebSocket protocol, sent in `welcome`. It goes up when an older client would misread a frame; a new
 * message or a new optional field does not raise it, because both sides ignore what they do not know.
 *
 * - 1: first version.
 */
export const PROTOCOL_VERSION = 1;

/** The oldest client version that the server still serves; raising it cuts off clients in the field. */
export const PROTOCOL_FLOOR = 1;

/**
 * SHA-256 of the JSON schemas of all messages, so that nobody changes the wire by accident. The unit test that
 * compares it prints the new value; set it here together with the decision about PROTOCOL_VERSION.
 */
export const SCHEMA_HASH = "e3332654c6b834e69630a2d37fb0d91b83df143b18787e950ad6a52342854f8e";
