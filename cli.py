from retrieval.commands import main

main(prog_name="recall")
