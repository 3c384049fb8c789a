import type { Registries, RightClaims } from "../../bridge/index.ts";

/** Of an L1 with one claim registry. */
export const onlyRegistry = (right: RightClaims): Pick<Registries, "all" | "onEntered"> => ({
  all: [right],
  onEntered(listener) {
    listener(right);
    return () => undefined;
  },
});
