/** All builders under one name: `op.putrootfh()`, `op.lookup("x")`. */

import { fileOps } from "./ops_file.ts";
import { pnfsOps } from "./ops_pnfs.ts";
import { sessionOps } from "./ops_session.ts";
import { stateOps } from "./ops_state.ts";
import { v42Ops } from "./ops_v42.ts";
import { rawRequest } from "./request.ts";

/** Builds the operations of NFSv4.0, 4.1 and 4.2, and with `raw` malformed ones. */
export const op = {
  ...fileOps,
  ...stateOps,
  ...sessionOps,
  ...pnfsOps,
  ...v42Ops,
  raw: rawRequest,
};
