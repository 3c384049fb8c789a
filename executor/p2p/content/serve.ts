import { type Bytes, EMPTY_BYTES } from "../../foundation/bytes.ts";
import type { Network } from "../network/network.ts";
import { CONTENT_PROTOCOL, type ContentProvider, type ContentRequest, decodeContentRequest } from "./content.ts";

/** One piece at a time: the next is read when the peer has taken this one. */
function* answersTo({ kind, hashes }: ContentRequest, provide: ContentProvider): Generator<Bytes> {
  for (const hash of hashes) yield provide(kind, hash) ?? EMPTY_BYTES;
}

/** Gives peers what this node has. Before the network starts. */
export const serveContent = (network: Pick<Network, "serve">, provide: ContentProvider): void =>
  network.serve(CONTENT_PROTOCOL, (request) => answersTo(decodeContentRequest(request), provide));
