import { createServer } from "node:net";
import { CodedError } from "../../executor/index.ts";

export type PortErrorCode =
  /** Somebody listens on a port that the devnet wants. Stop it, or give another port; 0 takes a free one. */
  "DEVNET_PORT_TAKEN";

/** DEVNET_PORT_TAKEN when somebody listens on this loopback port. Port 0 is always free. */
export const requireFreePort = async (port: number, setting: string): Promise<void> => {
  if (port === 0) return;
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        new CodedError<PortErrorCode>(
          "DEVNET_PORT_TAKEN",
          `port ${port} of 127.0.0.1 is not free (${error.code}): stop what listens there, or choose another with ${setting}`,
          { port, setting },
          error,
        ),
      ),
    );
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => server.close(() => resolve()));
  });
};
