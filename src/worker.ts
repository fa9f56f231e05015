import { app } from "./api/app.ts";

export { UserObject } from "../durable-objects/user/object.ts";

export default { fetch: app.fetch } satisfies ExportedHandler<Env>;
