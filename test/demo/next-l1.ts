import { runVmL1 } from "../support/vm-l1/start.ts";

/** An L1 of the next fork's gas table, for `npm start -- --on-l1 URL` and `npm run demo:dispute -- --on-l1 URL`. */

const { url, stop } = await runVmL1("amsterdam");
process.stdout.write(`${url}\n`);
process.once("SIGINT", () => void stop());
