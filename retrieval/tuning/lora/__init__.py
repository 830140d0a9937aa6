"""Low-rank updates of both towers of any open_clip model, learnt from judgements.

train.train_lora        judged queries, unjudged photos -> Trained
interpolation.Trained   the old weights and a change of them: at a share, as an encoder, as a folder
"""
