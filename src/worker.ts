import * as platform from "cloudflare:workers";

import { app } from "./api/app.ts";
import { consume } from "./history/consumer.ts";
import { useSpansOf } from "./observe/spans.ts";

export { CassandraObject } from "../durable-objects/cassandra/object.ts";
export { CellObject } from "../durable-objects/cell/object.ts";
export { MonitorObject } from "../durable-objects/monitor/object.ts";
export { UserObject } from "../durable-objects/user/object.ts";

useSpansOf(platform);

export default { fetch: app.fetch, queue: consume } satisfies ExportedHandler<Env>;
