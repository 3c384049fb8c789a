import type { Filters } from "../filters.ts";
import { queryLogs } from "../log-filter.ts";
import { type MethodTable, method } from "../method.ts";
import { filterId, logFilter } from "../schemas.ts";

export const createLogMethods = (filters: Filters): MethodTable => ({
  eth_getLogs: method([logFilter], ([filter], { chain }) => queryLogs(chain, filter)),
  eth_newFilter: method([logFilter], ([filter]) => filters.addLogs(filter)),
  eth_newBlockFilter: method([], () => filters.addBlocks()),
  eth_newPendingTransactionFilter: method([], () => filters.addTransactions()),
  eth_getFilterChanges: method([filterId], ([id]) => filters.changes(id)),
  eth_getFilterLogs: method([filterId], ([id], { chain }) => queryLogs(chain, filters.logFilter(id))),
  eth_uninstallFilter: method([filterId], ([id]) => filters.remove(id)),
});
