import type { Counter, Gauge, Histogram } from "prom-client";
import type { DelegationObserver } from "../delegations/delegation_keeper.ts";
import type {
  DelegationEnd,
  DelegationType,
  RecallReason,
} from "../state/delegations.ts";
import { NotifyType } from "../nfs4/notifications.ts";
import type { MetricsRegistry } from "./registry.ts";
import { counter, gauge, histogram } from "./instruments.ts";

const SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 90];

/** What became of an entry, as a label. */
const NOTICES = {
  [NotifyType.ADD_ENTRY]: "add",
  [NotifyType.REMOVE_ENTRY]: "remove",
  [NotifyType.RENAME_ENTRY]: "rename",
} as const satisfies Record<NotifyType, string>;

/** Delegations: `delegations_granted_total{type}`, `…_unguarded_total{type}`, `…_recalled_total{type,reason}`, `…_revoked_total{type}`, `delegations_active{type}`, `delegation_recall_seconds`, `delegation_notices_total{type}`, `delegation_notice_batches_total`, `delegation_surplus_recalls_total`. */
export class DelegationMetrics implements DelegationObserver {
  readonly #granted: Counter<"type">;
  readonly #unguarded: Counter<"type">;
  readonly #recalled: Counter<"type" | "reason">;
  readonly #revoked: Counter<"type">;
  readonly #active: Gauge<"type">;
  readonly #recallSeconds: Histogram;
  readonly #notices: Counter<"type">;
  readonly #batches: Counter;
  readonly #surplus: Counter;

  constructor(registry: MetricsRegistry) {
    this.#granted = counter(registry, {
      name: "delegations_granted_total",
      help: "Delegations granted, by type.",
      labels: ["type"],
    });
    this.#unguarded = counter(registry, {
      name: "delegations_unguarded_total",
      help:
        "Delegations not granted because the host can't watch the file, by type.",
      labels: ["type"],
    });
    this.#recalled = counter(registry, {
      name: "delegations_recalled_total",
      help: "Delegations asked back, by type and by what was in their way.",
      labels: ["type", "reason"],
    });
    this.#revoked = counter(registry, {
      name: "delegations_revoked_total",
      help: "Delegations that were not returned in time, by type.",
      labels: ["type"],
    });
    this.#active = gauge(registry, {
      name: "delegations_active",
      help: "Delegations that clients hold, by type.",
      labels: ["type"],
    });
    this.#recallSeconds = histogram(registry, {
      name: "delegation_recall_seconds",
      help: "Time from a recall to the return of the delegation.",
      buckets: SECONDS,
    });
    this.#notices = counter(registry, {
      name: "delegation_notices_total",
      help: "Changes of folders that their holders were told of, by type.",
      labels: ["type"],
    });
    this.#batches = counter(registry, {
      name: "delegation_notice_batches_total",
      help: "CB_NOTIFYs that told of them.",
    });
    this.#surplus = counter(registry, {
      name: "delegation_surplus_recalls_total",
      help: "Clients asked to return some, as they had nearly all they may.",
    });
    for (const type of Object.values(NOTICES)) this.#notices.inc({ type }, 0);
    for (const type of ["read", "write", "directory"] as const) {
      this.#granted.inc({ type }, 0);
      this.#unguarded.inc({ type }, 0);
      this.#revoked.inc({ type }, 0);
      this.#active.inc({ type }, 0);
    }
  }

  /** {@inheritDoc DelegationObserver.granted} */
  granted(type: DelegationType): void {
    this.#granted.inc({ type });
    this.#active.inc({ type });
  }

  /** {@inheritDoc DelegationObserver.unguarded} */
  unguarded(type: DelegationType): void {
    this.#unguarded.inc({ type });
  }

  /** {@inheritDoc DelegationObserver.recalled} */
  recalled(type: DelegationType, reason: RecallReason): void {
    this.#recalled.inc({ type, reason });
  }

  /** {@inheritDoc DelegationObserver.notified} */
  notified(types: readonly NotifyType[]): void {
    this.#batches.inc();
    for (const type of types) this.#notices.inc({ type: NOTICES[type] });
  }

  /** {@inheritDoc DelegationObserver.surplusRecalled} */
  surplusRecalled(): void {
    this.#surplus.inc();
  }

  /** {@inheritDoc DelegationObserver.ended} */
  ended(
    type: DelegationType,
    end: DelegationEnd,
    seconds: number | undefined,
  ): void {
    this.#active.dec({ type });
    if (end === "revoked") this.#revoked.inc({ type });
    if (end === "returned" && seconds !== undefined) {
      this.#recallSeconds.observe(seconds);
    }
  }
}
