import type { Duplex, Readable, Writable } from "node:stream";

/** What the API server asks of the pod runtime for exec, attach, logs and port-forward. */
export interface PodStreams {
  /**
   * The log of a container as the program wrote it (with `timestamps`, each line is led by RFC 3339 and a space).
   * Ends when the container ends unless `follow` and it comes back. Rejects with {@link PodStreamError}.
   */
  logs(container: ContainerRef, options: LogOptions): Promise<Readable>;
  exec(container: ContainerRef, options: ExecOptions): Promise<ExitStatus>;
  attach(container: ContainerRef, options: Omit<ExecOptions, "command">): Promise<ExitStatus>;
  /** A connection to `127.0.0.1:port` inside the pod's network namespace. */
  portForward(pod: PodRef, port: number): Promise<Duplex>;
}

export interface PodRef {
  readonly namespace: string;
  readonly name: string;
}

export interface ContainerRef extends PodRef {
  readonly container: string;
}

export interface LogOptions {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly sinceTime?: Date;
  readonly limitBytes?: number;
  readonly signal: AbortSignal;
}

export interface ExecOptions {
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly stdin?: Readable;
  readonly stdout?: Writable;
  /** Absent with a terminal: it goes to stdout. */
  readonly stderr?: Writable;
  /** Called with a listener for terminal sizes (columns, rows). */
  readonly onResize?: (listener: (size: { width: number; height: number }) => void) => void;
  readonly signal: AbortSignal;
}

export interface ExitStatus {
  readonly exitCode: number;
}

/** `code` is the HTTP status the API server answers with: 400 (container not running yet), 404, 500. */
export class PodStreamError extends Error {
  override readonly name = "PodStreamError";
  readonly code: number;
  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
