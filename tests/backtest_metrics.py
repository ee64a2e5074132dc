def metrics_of(*a): return {"strategy":{"total_return":{"value":0.1,"low":-0.2,"high":0.3}}}
