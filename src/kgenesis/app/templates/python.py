#en Stands for a simulator: gets conditions as a dictionary, returns outcomes as one.
#ko 시뮬레이터의 자리: 조건을 사전으로 받고 결과를 사전으로 돌려줍니다.


def measure(conditions, seed):
    #en Raise an exception where the conditions do not work; the seed is for numpy.random.default_rng(seed).
    #ko 조건이 성립하지 않으면 예외를 일으키세요. seed는 numpy.random.default_rng(seed)에 씁니다.
    temperature, time = conditions["temperature"], conditions["time"]
    result = 95 - 0.02 * (temperature - 63) ** 2 - 0.004 * (time - 70) ** 2
    return {"yield": max(result, 0.0)}
