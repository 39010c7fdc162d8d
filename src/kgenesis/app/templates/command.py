#en Stands for a simulator: reads conditions as JSON, prints outcomes as JSON.
#ko 시뮬레이터의 자리: 조건을 JSON으로 읽고 결과를 JSON으로 씁니다.
import json
import sys

conditions = json.load(sys.stdin)
temperature, time = conditions["temperature"], conditions["time"]
if temperature > 85 and time > 100:
    sys.exit("it decomposed")
result = 95 - 0.02 * (temperature - 63) ** 2 - 0.004 * (time - 70) ** 2
print(json.dumps({"yield": max(result, 0.0)}))
