/** What an answer that is not the asked one means for an operator, and what to do. */
import * as v from "valibot";

export interface Refusal {
  readonly status: number;
  readonly text: string;
  /** No other try with this token can help. */
  readonly isFinal: boolean;
}

const Problem = v.object({ detail: v.optional(v.string(), "") });

export async function refusalOf(response: Response): Promise<Refusal> {
  const { status } = response;
  switch (status) {
    case 401:
      return final(status, "The token was refused: it has expired, or was signed with another secret. Make a new one.");
    case 403:
      return final(status, "This token has no role admin. Make one with: npm run token -- NAME --role admin");
    case 404:
      return final(status, "This server has no operations API: it is of another version than this page.");
    case 429:
      return { status, text: "Too many requests in a minute: waiting for the next one.", isFinal: false };
    default:
      return { status, text: `The server answered ${status}: ${await detailOf(response)}`, isFinal: false };
  }
}

function final(status: number, text: string): Refusal {
  return { status, text, isFinal: true };
}

export async function detailOf(response: Response): Promise<string> {
  try {
    const parsed = v.safeParse(Problem, await response.json());
    if (parsed.success && parsed.output.detail !== "") return parsed.output.detail;
  } catch {
    // A proxy in front answers with a page of its own.
  }
  return response.statusText || "no explanation";
}
