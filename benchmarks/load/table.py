"""What came out, for the documentation."""

from __future__ import annotations

from typing import Any


def markdown(figures: dict[str, Any]) -> str:
    """A table of the figures that are promised."""
    idle, busy = figures["idle_ms"], figures["loaded_ms"]
    idle_control, busy_control = figures["control_idle_ms"], figures["control_loaded_ms"]
    jobs, requests = figures["jobs_of_healthy_clients"], figures["requests"]
    sent = sum(count for name, count in jobs.items() if name.startswith(("accepted", "refused")))
    attacks = {
        name: count
        for name, count in figures["answers_to_slow_and_hostile"].items()
        if ": " in name
    }
    rows = {
        "crashes of the server; errors in its log": f"{int(not figures['is_alive'])}; "
        f"{figures['errors_in_log']}",
        "most memory of the server, of a worker, of all": f"{figures['server_peak_mb']} MB, "
        f"{figures['worker_peak_mb']} MB, {figures['together_peak_mb']} MB",
        "healthy requests without, and under load": f"{requests['idle']}, {requests['loaded']}",
        "of these not answered with 200": str(sum(figures["wrong_answers"].values())),
        "images that healthy clients sent under load; of these told to wait (429)": f"{sent}; "
        f"{jobs.get('refused 429', 0)}",
        "p50 and p95 without load": f"{idle['p50']} ms, {idle['p95']} ms",
        "p50 and p95 under load": f"{busy['p50']} ms, {busy['p95']} ms",
        "p95 of a server that does nothing, without and under load": f"{idle_control['p95']} ms, "
        f"{busy_control['p95']} ms",
        "cores used by server, workers, healthy clients, the others": ", ".join(
            f"{figures['cores_used'][name]:.2f}"
            for name in ("server", "workers", "healthy", "slow_and_hostile")
        ),
        "cores used by everything on the machine": f"{figures['cores_used']['whole_machine']:.2f}",
        "time in which two jobs ran": f"{100 * figures['share_with_two_jobs']:.0f} %",
        "jobs taken, and ended": f"{figures['jobs_taken']}, {figures['jobs_ended']}",
        "masks compared, and unlike those made alone": f"{jobs.get('done', 0)}, "
        f"{len(figures['masks_differing'])}",
        "hostile requests; answered as they must not be": f"{sum(attacks.values())}; "
        f"{sum(count for name, count in attacks.items() if 'unexpected' in name)}",
    }
    lines = [f"| {name} | {value} |" for name, value in rows.items()]
    return "\n".join(["| what | how much |", "|---|---|", *lines])
