import type { Request, Response } from "express";

/** What a load balancer and an operator may know from outside: fine or not, never why (LOG-5). The log says why. */
export interface Health {
  /** False while the process is stopping: a load balancer must send it nothing new. */
  live(): boolean;
  /** Whether every kind of request can be answered just now. */
  ready(): boolean;
}

/**
 * `/health/live` is for load balancers: it stays 200 while the database is away, since JWKS and discovery still answer.
 * `/health` is for operators, dex v1 §2.16.
 */
export function makeHealthEndpoints(
  health: Health,
): Record<"health" | "live", (_: Request, response: Response) => void> {
  const send = (response: Response, fine: boolean) =>
    void response.status(fine ? 200 : 503).json({ status: fine ? "ok" : "error" });
  return {
    health: (_request, response) => send(response, health.live() && health.ready()),
    live: (_request, response) => send(response, health.live()),
  };
}
