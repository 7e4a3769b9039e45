// Loaded before each program that dex-embedded starts. The channel to dex-embedded closes when that ends, however it ends;
// the program then stops as if it had been asked to, and knows nothing of any of this.
const DEADLINE_MILLISECONDS = 8000;

process.once("disconnect", () => {
  process.kill(process.pid, "SIGTERM");
  setTimeout(() => process.kill(process.pid, "SIGKILL"), DEADLINE_MILLISECONDS).unref();
});
process.channel?.unref();
