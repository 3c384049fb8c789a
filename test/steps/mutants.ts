import { type Bytes, concat } from "../../executor/index.ts";
import type { Taken } from "./collect.ts";
import type { Record } from "./verifier.ts";

const LONGER = [1, 32, 65];

/**
 * Evidence that is not the step's own, at `most` places of it (all, where it has no more bytes): a byte changed, and all from
 * there on cut off; lengthened by zeros and by its own end; and what the same instruction would read with no gas or with more.
 */
export function* mutantsOf({ verifier, pre, post, evidence, forms }: Taken, most: number): Generator<Record> {
  const changed = (bytes: Bytes): Record => ({ verifier, pre, post, evidence: bytes });
  const stride = Math.ceil(evidence.length / most);
  for (let place = 0; place < evidence.length; place += stride) {
    const bytes = evidence.slice();
    bytes[place] = (bytes[place] as number) ^ (1 << (place & 7));
    yield changed(bytes);
    yield changed(evidence.subarray(0, place));
  }
  for (const size of LONGER) {
    yield changed(concat(evidence, new Uint8Array(size)));
    yield changed(concat(evidence, evidence.subarray(-size)));
  }
  for (const form of forms()) yield changed(form);
}
