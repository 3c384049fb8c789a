"""What a user of web3.py does: deploys a contract, calls it, reads logs, delegates an account to it (EIP-7702).

Arguments: RPC endpoint, private key, file of the contract (abi, bytecode). Prints one line of JSON.
"""

import json
import sys

from web3 import Web3

rpc, key, artifact = sys.argv[1:]
contract = json.load(open(artifact))
w3 = Web3(Web3.HTTPProvider(rpc))
account = w3.eth.account.from_key(key)
PAYEE = Web3.to_checksum_address("0x" + "bb".rjust(40, "0"))


def send(transaction):
    """Signs, sends and waits; web3.py fills in gas, fees and chain id."""
    filled = {"from": account.address, "nonce": w3.eth.get_transaction_count(account.address), **transaction}
    filled.setdefault("chainId", w3.eth.chain_id)
    filled.setdefault("maxPriorityFeePerGas", w3.eth.max_priority_fee)
    filled.setdefault("maxFeePerGas", 2 * w3.eth.get_block("latest")["baseFeePerGas"] + filled["maxPriorityFeePerGas"])
    filled.setdefault("gas", 500_000)
    signed = account.sign_transaction({name: value for name, value in filled.items() if name != "from"})
    return w3.eth.wait_for_transaction_receipt(w3.eth.send_raw_transaction(signed.raw_transaction), poll_latency=0.1)


factory = w3.eth.contract(abi=contract["abi"], bytecode=contract["bytecode"])
deployed = send({"data": factory.constructor().data_in_transaction, "value": 0})
instance = w3.eth.contract(address=deployed["contractAddress"], abi=contract["abi"])
called = send(instance.functions.pay(PAYEE, 0).build_transaction({"from": account.address, "value": 0}))
logs = instance.events.Paid().get_logs(from_block=0)

authorization = account.sign_authorization(
    {
        "chainId": w3.eth.chain_id,
        "address": deployed["contractAddress"],
        "nonce": w3.eth.get_transaction_count(account.address) + 1,
    }
)
data = instance.encode_abi("pay", args=[PAYEE, 1])
delegated = send(
    {"to": account.address, "value": 0, "data": data, "authorizationList": [authorization], "gas": 200_000}
)
read = w3.eth.get_transaction(delegated["transactionHash"])
print(
    json.dumps(
        {
            "deployed": deployed["status"],
            "called": called["status"],
            "by": [log["args"]["by"] for log in logs],
            "delegated": delegated["status"],
            "type": read["type"],
            "authorizations": len(read["authorizationList"]),
            "code": w3.eth.get_code(account.address).hex(),
            "contract": deployed["contractAddress"],
            "paid": len(delegated["logs"]),
        }
    )
)
