"""The night: one day of logs ingested, judged by what came before it, and only then learned."""
