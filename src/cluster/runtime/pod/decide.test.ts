import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, Pod, PodSpec } from "kubernetes-types/core/v1.d.ts";
import { type Action, decide } from "./decide.ts";
import {
  type ContainerState,
  type Ended,
  initialState,
  isInitialized,
  type PodState,
  withContainer,
} from "./pod-state.ts";

const now = 1_000_000;

function podOf(spec: Partial<PodSpec>, metadata: Pod["metadata"] = {}): Pod {
  return {
    metadata: { name: "p", namespace: "n", uid: "u", ...metadata },
    spec: { containers: [{ name: "app" }], ...spec },
  };
}

function ready(pod: Pod): PodState {
  return { ...initialState(pod), sandbox: { at: "ready", ip: "10.0.0.1" } };
}

const running: Partial<ContainerState> = {
  run: { at: "running", id: "x", startedAt: now, isPostStartDone: true, isStopping: false },
  isStarted: true,
  isReady: true,
  runs: 1,
};

function ended(exitCode: number): Partial<ContainerState> {
  const facts: Ended = { id: "x", exitCode, reason: "Error", startedAt: now - 5, finishedAt: now - 1 };
  return { run: { at: "ended", ...facts }, runs: 1 };
}

function put(state: PodState, container: string, values: Partial<ContainerState>): PodState {
  const next = withContainer(state, container, values);
  return { ...next, isInitialized: next.isInitialized || isInitialized(next) };
}

/** Actions in short: `start app`, `stop app 30000`. */
function steps(pod: Pod, state: PodState, at = now): string[] {
  return decide(pod, state, at).map((action: Action) =>
    Object.values(action)
      .filter((value) => typeof value !== "string" || !value.includes(" "))
      .join(" "),
  );
}

test("init containers run one after the other, a sidecar holds up what follows until it has started", () => {
  const sidecar: Container = { name: "proxy", restartPolicy: "Always" };
  const pod = podOf({ initContainers: [{ name: "a" }, sidecar, { name: "b" }] });
  let state = ready(pod);
  assert.deepEqual(steps(pod, state), ["start a"]);
  state = put(state, "a", ended(0));
  assert.deepEqual(steps(pod, state), ["start proxy"]);
  state = put(state, "proxy", { ...running, isStarted: false });
  assert.deepEqual(steps(pod, state), []);
  state = put(state, "proxy", running);
  assert.deepEqual(steps(pod, state), ["start b"]);
  state = put(state, "b", ended(0));
  assert.deepEqual(steps(pod, state), ["start app"]);
});

test("a postStart hook holds up the containers after it, and only those", () => {
  const hook = { postStart: { exec: { command: ["pilot-agent", "wait"] } } };
  const pod = podOf({ containers: [{ name: "first" }, { name: "proxy", lifecycle: hook }, { name: "app" }] });
  let state = ready(pod);
  assert.deepEqual(steps(pod, state), ["start first", "start proxy"]);
  state = put(state, "proxy", {
    run: { at: "running", id: "x", startedAt: now, isPostStartDone: false, isStopping: false },
  });
  assert.deepEqual(steps(pod, put(state, "first", running)), []);
  state = put(put(state, "first", running), "proxy", running);
  assert.deepEqual(steps(pod, state), ["start app"]);
});

test("a crash restarts at once the first time and backs off from then on", () => {
  const pod = podOf({});
  const crashed = put(ready(pod), "app", ended(1));
  assert.deepEqual(steps(pod, crashed), ["start app"]);
  const again = put(crashed, "app", { ...ended(1), runs: 2, backoff: { delay: 20_000, since: now - 10 } });
  assert.deepEqual(steps(pod, again), [`back-off app ${now - 1 + 20_000}`]);
});

test("restart policies", () => {
  for (const [restartPolicy, exitCode, wanted] of [
    ["Always", 0, "start app"],
    ["OnFailure", 1, "start app"],
    ["OnFailure", 0, "stop-all 30000"],
    ["Never", 1, "stop-all 30000"],
  ] as const) {
    const pod = podOf({ restartPolicy });
    assert.deepEqual(steps(pod, put(ready(pod), "app", ended(exitCode))), [wanted], `${restartPolicy} ${exitCode}`);
  }
  const pod = podOf({ restartPolicy: "Never", initContainers: [{ name: "init" }] });
  assert.deepEqual(steps(pod, put(ready(pod), "init", ended(1))), ["stop-all 30000"]);
});

test("deletion stops the containers, then the sidecars from the last, then removes sandbox and object", () => {
  const sidecars: Container[] = [
    { name: "s1", restartPolicy: "Always" },
    { name: "s2", restartPolicy: "Always" },
  ];
  const pod = podOf(
    { initContainers: sidecars },
    { deletionTimestamp: "2026-01-01T00:00:00Z", deletionGracePeriodSeconds: 5 },
  );
  let state = ["s1", "s2", "app"].reduce((before, name) => put(before, name, running), ready(pod));
  assert.deepEqual(steps(pod, state), ["stop-all 5000"]);
  state = { ...state, stop: { since: now, grace: 5000 } };
  assert.deepEqual(steps(pod, state, now), ["stop app 5000"]);
  state = put(state, "app", ended(0));
  assert.deepEqual(steps(pod, state, now + 1000), ["stop s2 4000"]);
  state = put(state, "s2", ended(0));
  assert.deepEqual(steps(pod, state, now + 4900), ["stop s1 2000"], "the last has two seconds all the same");
  state = put(state, "s1", ended(0));
  assert.deepEqual(steps(pod, state), ["remove-sandbox"]);
  state = { ...state, sandbox: { at: "removed" } };
  assert.deepEqual(steps(pod, state), ["delete-object"]);
});

test("a pod that serves goes on for a moment after its deletion, while its clients hear of it", () => {
  const deleted = podOf({}, { deletionTimestamp: "2026-01-01T00:00:00Z", deletionGracePeriodSeconds: 30 });
  const pod: Pod = { ...deleted, status: { conditions: [{ type: "Ready", status: "True" }] } };
  const state = { ...put(ready(pod), "app", running), stop: { since: now, grace: 30_000 } };
  assert.deepEqual(steps(pod, state, now + 100), [`wake ${now + 500}`]);
  assert.deepEqual(steps(pod, state, now + 500), ["stop app 29500"]);
  assert.deepEqual(steps(deleted, state, now), ["stop app 30000"], "nobody is sent to a pod that isn't ready");
  const hurried = { ...state, stop: { since: now, grace: 0 } };
  assert.deepEqual(steps(pod, hurried, now), ["stop app 0"]);
});

test("a pod past its deadline is given up", () => {
  const pod: Pod = {
    ...podOf({ activeDeadlineSeconds: 10 }),
    status: { startTime: new Date(now - 11_000).toISOString() },
  };
  assert.equal(decide(pod, put(ready(pod), "app", running), now)[0]?.do, "give-up");
  assert.deepEqual(steps(pod, put(ready(pod), "app", running), now - 5_000), [`wake ${now - 1_000}`]);
});

test("after a crash of the node the pod starts anew and counts on", () => {
  const pod: Pod = {
    ...podOf({ initContainers: [{ name: "init" }] }),
    status: {
      phase: "Running",
      initContainerStatuses: [
        {
          name: "init",
          image: "",
          imageID: "",
          ready: true,
          restartCount: 0,
          containerID: "weft://i",
          state: { terminated: { exitCode: 0 } },
        },
      ],
      containerStatuses: [
        {
          name: "app",
          image: "",
          imageID: "",
          ready: true,
          restartCount: 2,
          containerID: "weft://a",
          state: { running: { startedAt: "2026-01-01T00:00:00Z" } },
        },
      ],
    },
  };
  const state = initialState(pod);
  assert.deepEqual(
    state.containers.map(({ name, runs, run, last }) => [name, runs, run.at, last?.exitCode]),
    [
      ["init", 1, "waiting", 0],
      ["app", 3, "waiting", 137],
    ],
  );
  const over = initialState({ ...pod, status: { ...pod.status, phase: "Failed" } });
  assert.deepEqual(decide(pod, over, now), [], "what was over stays over");
});
