/**
 * Turns off the telemetry of onnxruntime, which else queues a device id and events in the user's cache folder for a server of its maker. Call
 * it in the main thread before the library runs: a worker's `process.env` is a copy that native code does not see. A value of the user's stays.
 */
export function disableTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY ??= '1'
}
