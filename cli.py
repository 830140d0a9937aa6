from retrieval.commands import main

main()
