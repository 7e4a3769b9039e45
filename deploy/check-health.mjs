// A container's health check, with nothing but Node: exits 0 when the page at DEX_HEALTH_URL answers 200.
try {
  const response = await fetch(process.env.DEX_HEALTH_URL ?? "http://127.0.0.1:5556/dex/health/live", {
    signal: AbortSignal.timeout(2000),
  });
  process.exitCode = response.ok ? 0 : 1;
} catch {
  process.exitCode = 1;
}
