"""Gives other programs the library in their own terms; each door needs an extra of its own.

    datasets.py           data sets of Hugging Face, extra `datasets`
    langchain/            a vector store and a retriever, extra `langchain`
    llm_plugin.py         the encoders as embedding models of the program llm, extra `llm`
    mcp/                  a server by which assistants search the library, extra `mcp`
    notebook.py           progress bars for notebooks
    pyinstaller/          what PyInstaller adds to a frozen app

Nothing here is imported by the other rooms, and nothing here stores anything: every door uses `Library`.
"""
