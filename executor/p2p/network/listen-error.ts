import { CodedError, messageOf } from "../../foundation/errors.ts";
import type { NetworkErrorCode } from "./network.ts";

/** Why the operating system lets nobody listen, in its words' place. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "address already in use",
  EADDRNOTAVAIL: "no address of this machine",
  EACCES: "permission denied",
  EAFNOSUPPORT: "this machine does not have its kind of address",
};

/** An address of libp2p's list, and the first line of what it says of it. The lines after that are a stack. */
const LISTED = /^ {2}(\/[^\s:]\S*): (.*)$/gm;
const SYSTEM_CODE = /\bE[A-Z]{3,}\b/;

const reasonOf = (text: string): string => {
  const [code] = SYSTEM_CODE.exec(text) ?? [];
  return (code === undefined ? undefined : REASONS[code]) ?? text.replace(/^\w*Error: /, "");
};

/**
 * Which addresses cannot be listened on and why, of libp2p's error: it tells so only in a text for programmers, with
 * advice and stacks. The cause is left out for the same reason.
 */
export const listenError = (listen: readonly string[], error: unknown): CodedError<NetworkErrorCode> => {
  const text = messageOf(error);
  const listed = [...text.matchAll(LISTED)].map(([, address = "", why = ""]) => `${address}: ${reasonOf(why)}`);
  const [firstLine = ""] = text.split("\n");
  const what = listed.length === 0 ? `${listen.join(", ")}: ${reasonOf(firstLine)}` : listed.join(", ");
  return new CodedError("P2P_LISTEN", `cannot listen on ${what}`, { listen });
};
