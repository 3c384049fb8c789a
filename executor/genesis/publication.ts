import type { Hex } from "../foundation/bytes.ts";

/** How a publication came to its address: what proves that its bytes are the ones that stand there on other chains. */
export type Maker =
  /** `bytes` is a signed creation transaction, the first of its account. */
  | { readonly kind: "transaction" }
  /** `bytes` is creation code that a factory made with CREATE2 (EIP-1014). */
  | { readonly kind: "factory"; readonly factory: Hex; readonly salt: Hex }
  /** `bytes` is creation code; the address is a convention. */
  | { readonly kind: "convention" };

/** Bytes as their authors published them. */
export type Publication = {
  readonly name: string;
  /** Where the bytes were taken from: an npm package and its file. */
  readonly source: string;
  /** SPDX identifier. */
  readonly licence: string;
  readonly maker: Maker;
  readonly bytes: Hex;
};

/** A word that a constructor writes into the code: itself, or what depends on the chain. */
export type Immutable = Hex | "chainId" | "domainSeparator";

/** An account that a publication leaves. */
export type Preinstall = {
  readonly name: string;
  readonly address: Hex;
  readonly nonce: bigint;
  /** Name of the publication. */
  readonly publication: string;
  /** Its runtime code: where it begins in the publication's bytes, and its bytes. */
  readonly begin: number;
  readonly size: number;
  /** Words that the constructor wrote into the code, by their first byte there. */
  readonly immutables: readonly (readonly [number, Immutable])[];
  readonly storage: Readonly<Record<Hex, Hex>>;
};

/** EIP-712's domain of a contract that keeps its separator: `version` where the type has one. */
export type Domain = { readonly name: string; readonly version?: string };

/** By name of the preinstall. */
export const DOMAINS: Readonly<Record<string, Domain>> = {
  Permit2: { name: "Permit2" },
  "EntryPoint 0.8": { name: "ERC4337", version: "1" },
};
