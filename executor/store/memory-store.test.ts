import { storeCompliance } from "./compliance.fixture.ts";
import { createMemoryStore } from "./memory-store.ts";

storeCompliance("memory", async () => createMemoryStore());
