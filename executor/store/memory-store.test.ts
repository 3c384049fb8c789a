import { storeCompliance } from "./compliance.ts";
import { createMemoryStore } from "./memory-store.ts";

storeCompliance("memory", async () => createMemoryStore());
