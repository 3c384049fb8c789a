import { createPublicClient, custom, type PublicClient, RpcRequestError } from "viem";
import type { Anvil } from "./anvil.ts";

type Refusal = { readonly error: { readonly code: number; readonly message: string } };
const isRefusal = (answer: unknown): answer is Refusal =>
  typeof answer === "object" && answer !== null && "error" in answer;

/** L1 of which a test says what it answers; an `error` is what the node answers instead of a result. */
export const hooked = (
  l1: Anvil,
  answer: (method: string, params: unknown, ask: () => Promise<unknown>) => unknown,
): PublicClient =>
  createPublicClient({
    transport: custom(
      {
        async request({ method, params }) {
          const given = await answer(method, params, () => l1.client.request({ method, params } as never));
          if (isRefusal(given)) throw new RpcRequestError({ body: {}, url: "http://l1", error: given.error });
          return given;
        },
      },
      { retryCount: 0 },
    ),
    cacheTime: 0,
  }) as PublicClient;
