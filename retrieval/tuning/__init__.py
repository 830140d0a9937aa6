"""Training on judgements: query adapters and LoRA, and the gate that decides whether a result is activated.

To be called from outside: `tune.tune_library` and `report.TuningReport`. Import the package's modules late: training
with LoRA loads torch.
"""
