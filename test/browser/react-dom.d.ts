/** What the tests use of react-dom, whose types are a package of their own. */
declare module "react-dom/client" {
  import type { ReactNode } from "react";

  export function createRoot(container: unknown): { render(node: ReactNode): void; unmount(): void };
}
