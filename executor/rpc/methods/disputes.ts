import type { Backend, DisputeView } from "../backend.ts";
import { refused } from "../errors.ts";
import type { Json } from "../format.ts";
import { type MethodTable, method } from "../method.ts";
import { hash } from "../schemas.ts";

/** What a challenger does about claims that are not the right ones. */

const asked = <Answer>(ask: (() => Answer) | undefined): Answer => {
  if (ask === undefined) throw refused("DISPUTES_UNKNOWN", "this node is no challenger");
  return ask();
};
const disputesOf = ({ disputes }: Backend): readonly DisputeView[] => asked(disputes);

const disputeAt = (backend: Backend, id: string): DisputeView | undefined =>
  disputesOf(backend).find((dispute) => isAbout(dispute, id));

const isAbout = ({ parent, right, rivals }: DisputeView, id: string): boolean =>
  id === parent || id === right || rivals.some((rival) => rival.id === id);

export const DISPUTE_METHODS: MethodTable = {
  /** What the challenger does not hold for right, what it is held back by, what it would send; null before its first look. */
  rollup_challenger: method([], (_, { challenger }) => (asked(challenger) ?? null) as unknown as Json),
  rollup_disputes: method([], (_, backend) => disputesOf(backend) as unknown as Json),
  /** By the id of the parent, of the right claim or of a wrong one; null when nothing is disputed there. */
  rollup_dispute: method([hash], ([id], backend) => (disputeAt(backend, id) ?? null) as unknown as Json),
  /** Steps of the machine that such a dispute has come down to, with what is claimed of each; null where there is none. */
  rollup_disputedSteps: method([hash], async ([id], backend) => {
    const dispute = disputeAt(backend, id);
    const steps = dispute === undefined ? undefined : await backend.disputedSteps?.(dispute.parent);
    return (steps ?? null) as unknown as Json;
  }),
};
