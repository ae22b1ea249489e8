def memory(bench): pass
def start(bench): pass
